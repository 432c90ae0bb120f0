import { mySqlConnector } from '../../families/mysql/connector.js';

export const connector = mySqlConnector('MariaDB');
